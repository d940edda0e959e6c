/*
 * A relay: node server.cjs NODE_MODULES OPTIONS.  Writes its port, then a line
 * of JSON for each mail and each AUTH, and ends with its standard input.
 *
 * What it does is said by whom a mail is from or to:
 *
 *     m553@...       that answer to MAIL FROM
 *     r550@...       to RCPT TO
 *     d554@...       to the message
 *     once-r450@...  the first time only
 *     slow3@...      takes the message, and says so after so many seconds
 *     hang@...       never answers to the message
 *     cut@...        closes the connection instead
 *
 * OPTIONS: {"port", "tls": the connection starts with it, "plain": STARTTLS is
 * not offered, "cert", "key": files, "user", "password", "methods", "echo":
 * repeats in its answer what was wrong about a password}
 */

'use strict';

const fs = require('fs');

const modules = process.argv[2];
const options = JSON.parse(process.argv[3]);

const { SMTPServer } = require(modules + '/smtp-server');
const { simpleParser } = require(modules + '/mailparser');

const seen = {};


function tell(what) {
    process.stdout.write(JSON.stringify(what) + '\n');
}


/* what an address asks for, with its first letter; undefined: nothing */
function wanted(address, letter) {
    let name = address.split('@')[0];

    if (name.startsWith('once-')) {
        name = name.slice(5);

        if (name[0] === letter) {
            if (seen[address]) {
                return;
            }

            seen[address] = true;
        }
    }

    return new RegExp('^' + letter + '\\d+$').test(name)
           ? Number(name.slice(1)) : undefined;
}


function refuse(code) {
    const err = new Error(code + ' because it was asked for');

    err.responseCode = code;

    return err;
}


function once(address, word) {
    const name = address.split('@')[0];

    if (name === 'once-' + word && !seen[address]) {
        seen[address] = true;
        return true;
    }

    return name === word;
}


async function take(raw, session, callback) {
    const to = session.envelope.rcptTo.map((a) => a.address);
    const mail = await simpleParser(raw);
    const code = to.map((a) => wanted(a, 'd')).find((c) => c !== undefined);
    const slow = to.map((a) => /^slow(\d+)@/.exec(a)).find((m) => m);

    tell({
        what: 'mail',
        from: session.envelope.mailFrom.address,
        to,
        secure: session.secure,
        user: session.user || '',
        subject: mail.subject,
        header_from: mail.from && mail.from.text,
        header_to: mail.to && mail.to.text,
        text: mail.text,
        html: mail.html,
        id: mail.messageId,
        date: mail.date,
        names: mail.headerLines.map((l) => l.key),
        event: mail.headers.get('x-api-event-id'),
        auto: mail.headers.get('auto-submitted'),
        raw: raw.toString('latin1'),
    });

    if (to.some((a) => once(a, 'hang'))) {
        return;
    }

    if (slow) {
        await new Promise((done) => setTimeout(done, 1000 * slow[1]));
    }

    callback(code ? refuse(code) : null);
}


const server = new SMTPServer({
    secure: !!options.tls,
    key: options.key && fs.readFileSync(options.key),
    cert: options.cert && fs.readFileSync(options.cert),
    authOptional: !options.user,
    allowInsecureAuth: true,
    authMethods: options.methods || ['PLAIN', 'LOGIN'],
    disabledCommands: [].concat(options.plain ? ['STARTTLS'] : [],
                                options.user ? [] : ['AUTH']),
    disableReverseLookup: true,
    logger: false,

    onAuth(auth, session, callback) {
        tell({ what: 'auth', method: auth.method, secure: session.secure,
               good: auth.username === options.user
                     && auth.password === options.password });

        if (auth.username === options.user
            && auth.password === options.password)
        {
            callback(null, { user: auth.username });

        } else {
            const err = new Error('wrong: ' + auth.password + ' '
                                  + Buffer.from(auth.password)
                                          .toString('base64'));
            err.responseCode = 535;
            callback(err);
        }
    },

    onMailFrom(address, session, callback) {
        const code = wanted(address.address, 'm');

        callback(code ? refuse(code) : null);
    },

    onRcptTo(address, session, callback) {
        const code = wanted(address.address, 'r');

        callback(code ? refuse(code) : null);
    },

    onData(stream, session, callback) {
        const chunks = [];

        if (session.envelope.rcptTo.some((a) => once(a.address, 'cut'))) {
            tell({ what: 'cut' });
            server.connections.forEach((c) => {
                if (c.session.id === session.id) {
                    c._socket.destroy();
                }
            });
            return;
        }

        stream.on('data', (chunk) => chunks.push(chunk));
        stream.on('end', () => take(Buffer.concat(chunks), session, callback));
    },
});

server.on('error', () => { /* of one client */ });

server.listen(options.port || 0, '127.0.0.1', () => {
    tell(server.server.address().port);
});

process.stdin.on('end', () => process.exit(0));
process.stdin.resume();
