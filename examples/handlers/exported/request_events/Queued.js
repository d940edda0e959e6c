/*
 * error: what Queue.js threw is no error, but what was asked for was accepted.
 */

if (json.errorMessage.indexOf('Queued: ') < 0) {
    return;
}

json.accepted = json.errorMessage.slice(json.errorMessage.indexOf(': ') + 2);
json.statusCode = 201;
delete json.errorCode;
delete json.errorMessage;
delete json.message;
