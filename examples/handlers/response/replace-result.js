/*
 * response: answers something else altogether.
 *
 * As the documentation of Live API Creator prints it.
 */

// MUST be an object or an array, if not, it is coerced into one (and probably NOT what you want)
if ('GET' == req.verb && 'MyResource' == req.resourceName) {
json = ["I got what I expected"];
}
else {
// this is returned on ALL other requests, make sure you delete this !!!
json = ["Not what I wanted"];
}
