/*
 * request: refuses a resource to clients without TLS.
 *
 * As the documentation of Live API Creator prints it.
 */

// Reject all requests on SecretData if they do not use HTTPS
if ("SecretData" == req.resourceName && !req.clientUsesHttps) {
log.error('SecretData was accessed over HTTP by ' + req.clientAddress);
throw "Use HTTPS to access this resource";
}
