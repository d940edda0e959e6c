/*
 * request: lets one network in, by the client's address.
 *
 * nginx's own "allow" and "deny" do this without a script; here the reason
 * becomes the message of the error.
 */

var inside = /^127\.0\.0\.\d{1,3}$/;

if (!inside.test(req.clientAddress)) {
    log.warning('refused: ' + req.clientAddress + ' is outside of the network');
    throw 'This API is for addresses of the office only';
}
