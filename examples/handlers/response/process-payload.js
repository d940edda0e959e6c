/*
 * response: after a row was made, calls a function of that row by its URL.
 */

if (req.verb != 'POST' || !json.txsummary) {
    return;
}

var meta = json.txsummary[0]['@metadata'];

if (meta.verb != 'INSERT') {
    return;
}

var reply = JSON.parse(SysUtility.restGet(meta.href + '/ProcessPayload',
                                          {verbose: true}, null));

log.info('processed: ' + meta.href);
json.processed = reply;
