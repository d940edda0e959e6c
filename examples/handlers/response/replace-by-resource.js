/*
 * response: answers what another resource has.
 *
 * As the documentation of Live API Creator prints it.
 */

// Note double equals, as you are comparing JavaScript strings with java.lang.String objects
if ('GET' == req.verb && 'MyResource' == req.resourceName) {
json = SysUtility.getResource('demo:customer');
}
