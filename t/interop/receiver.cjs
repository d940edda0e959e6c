/*
 * A receiver of webhooks, made of other people's code: each request that comes
 * is looked at with the packages of Standard Webhooks and of CloudEvents, and
 * a line of JSON tells what they say.
 *
 *     node receiver.cjs FOLDER KEYS
 *
 * FOLDER is that of node_modules; KEYS is JSON, names and "whsec_..." or
 * "whpk_..." texts.  The first line tells the port.  It ends when the standard
 * input does.  Below /again an id fails when it comes to a path for the first
 * time.
 *
 * The package knows v1 only.  Signatures of v1a are checked with node's own
 * Ed25519, as the text of Standard Webhooks 1.0.0 says: over the same
 * "id.timestamp.body".
 */

'use strict';

const crypto = require('crypto');
const http = require('http');
const { createRequire } = require('module');

const load = createRequire(process.argv[2] + '/');
const { Webhook } = load('standardwebhooks');
const { HTTP } = load('cloudevents');

const keys = JSON.parse(process.argv[3]);

/* SubjectPublicKeyInfo of RFC 8410, up to the key itself */
const SPKI = Buffer.from('302a300506032b6570032100', 'hex');


/* an implementation of the package's interface for v1a */

class Asymmetric {

    constructor(key) {
        const raw = Buffer.from(key.substring('whpk_'.length), 'base64');

        this.key = crypto.createPublicKey({ key: Buffer.concat([SPKI, raw]),
                                            format: 'der', type: 'spki' });
    }

    verify(body, headers) {
        const text = headers['webhook-id'] + '.' + headers['webhook-timestamp']
                     + '.' + body;

        for (const one of headers['webhook-signature'].split(' ')) {
            const [version, signature] = one.split(',');

            if (version === 'v1a'
                && crypto.verify(null, Buffer.from(text), this.key,
                                 Buffer.from(signature, 'base64')))
            {
                return JSON.parse(body);
            }
        }

        throw new Error('No matching signature found');
    }
}


function attempt(f) {
    try {
        return { value: f() };

    } catch (e) {
        return { error: e.message || String(e) };
    }
}


/* the package takes the time from here; in seconds, since a slow machine's
 * own may be another one by now */

function at(time, f) {
    const now = Date.now;

    Date.now = () => time * 1000;

    try {
        return f();

    } finally {
        Date.now = now;
    }
}


/* what a receiver says that has this key, also of requests that are not as
 * they were signed */

function signed(key, body, headers) {
    const symmetric = key.startsWith('whsec_');
    const hook = symmetric ? new Webhook(key) : new Asymmetric(key);
    const having = (name, value) => attempt(() =>
        hook.verify(body, Object.assign({}, headers, { [name]: value })));

    const answer = {
        as_sent: attempt(() => hook.verify(body, headers)),
        other_body: attempt(() => hook.verify(body + ' ', headers)),
        other_id: having('webhook-id', headers['webhook-id'] + '0'),
        other_time: having('webhook-timestamp',
                           String(headers['webhook-timestamp'] - 1)),
        no_signature: having('webhook-signature', 'v1,AAAA v1a,AAAA'),
    };

    if (symmetric) {
        const time = Number(headers['webhook-timestamp']);

        answer.too_old = at(time + 301, () =>
            attempt(() => hook.verify(body, headers)));
        answer.too_new = at(time - 301, () =>
            attempt(() => hook.verify(body, headers)));
    }

    return answer;
}


function cloudevents(body, headers) {
    const message = { headers: headers, body: body };

    return attempt(() => {
        if (!HTTP.isEvent(message)) {
            return null;
        }

        const events = [].concat(HTTP.toEvent(message));

        /* toEvent() takes some that are not valid */
        events.forEach(event => event.validate());

        return events;
    });
}


function look(request, body) {
    const headers = request.headers;
    const result = { method: request.method, path: request.url,
                     headers: headers, body: body, signed: {},
                     cloudevents: cloudevents(body, headers) };

    for (const name of headers['webhook-signature'] ? Object.keys(keys) : []) {
        result.signed[name] = signed(keys[name], body, headers);
    }

    process.stdout.write(JSON.stringify(result) + '\n');
}


const failed = new Set();


function answer(request) {
    const id = request.url + ' ' + request.headers['webhook-id'];

    if (!request.url.startsWith('/again') || failed.has(id)) {
        return 204;
    }

    failed.add(id);

    return 503;
}


const server = http.createServer((request, response) => {
    const parts = [];

    request.on('data', part => parts.push(part));
    request.on('end', () => {
        look(request, Buffer.concat(parts).toString('utf8'));
        response.writeHead(answer(request)).end();
    });
});

server.listen(0, '127.0.0.1', () =>
    process.stdout.write(JSON.stringify(server.address().port) + '\n'));

process.stdin.resume().on('end', () => process.exit(0));
