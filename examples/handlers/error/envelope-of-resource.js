/*
 * error: an envelope for one resource, with somebody to ask: who, is up to
 * the argument "order", even or odd.
 */

if (req.resourceName != 'PartnerOrder') {
    return;
}

var error = json;
var contact = Number(req.urlParameters.order) % 2 ? 'odd@example.com'
                                                  : 'even@example.com';

log.error(req.verb + ' failed: ' + error.errorMessage);
print('contact: ' + contact);

json = {
    success: false,
    payload: {request: req.json, contact: contact},
    error: {
        code: error.errorCode,
        statusCode: error.statusCode,
        errorMessage: error.errorMessage,
        message: error.message
    }
};
