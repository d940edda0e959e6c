// A webhook receiver for tests: appends every request to a file as a line of
// JSON, then answers as the first part of the path says.
//
//   /ok             200
//   /fail           500
//   /status/503     that status
//   /slow/200       200 after that many milliseconds
//   /hang           nothing, until the client goes away
//   /close          closes the connection without an answer
//   /flaky/2        500 to the first two requests of this URI, then 200
//   /big/100000     200 with a body of that many bytes
//   /accel          200 with X-Accel-Redirect: /accel-target
//   anything else   200

import fs from 'fs';

function lines(file) {
    try {
        return fs.readFileSync(file, 'utf8').split('\n').slice(0, -1);

    } catch (e) {
        return [];
    }
}

function seen(file, uri) {
    return lines(file).filter(function (line) {
        return JSON.parse(line).uri === uri;
    }).length;
}

function record(r, file, status) {
    var headers = r.rawHeadersIn.map(function (h) {
        return [Buffer.from(h[0]).toString('base64'),
                Buffer.from(h[1]).toString('base64')];
    });

    fs.appendFileSync(file, JSON.stringify({
        time: Date.now(),
        method: r.method,
        uri: r.variables.request_uri,
        status: status,
        headers: headers,
        body: r.requestBuffer && r.requestBuffer.length
              ? r.requestBuffer.toString('base64') : ''
    }) + '\n');
}

function handle(r) {
    var file = r.variables.recorder_file;
    var part = r.uri.split('/');
    var n = parseInt(part[2], 10) || 0;

    switch (part[1]) {

    case 'fail':
        record(r, file, 500);
        r.return(500, 'failed\n');
        return;

    case 'status':
        record(r, file, n);
        // of a redirect this is the Location, which takes no line end
        r.return(n, 'status ' + n + (n >= 300 && n < 400 ? '' : '\n'));
        return;

    case 'slow':
        record(r, file, 200);
        setTimeout(function () { r.return(200, 'slow\n'); }, n);
        return;

    case 'hang':
        record(r, file, 0);
        setTimeout(function () { r.return(444); }, 60000);
        return;

    case 'close':
        record(r, file, 0);
        r.return(444);
        return;

    case 'flaky':
        n = seen(file, r.variables.request_uri) < n ? 500 : 200;
        record(r, file, n);
        r.return(n, 'flaky\n');
        return;

    case 'big':
        record(r, file, 200);
        r.return(200, 'x'.repeat(n));
        return;

    case 'accel':
        record(r, file, 200);
        r.headersOut['X-Accel-Redirect'] = '/accel-target';
        r.return(200, 'accel\n');
        return;

    default:
        record(r, file, 200);
        r.return(200, 'ok\n');
    }
}

export default {handle};
