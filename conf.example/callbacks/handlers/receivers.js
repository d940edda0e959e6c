// Receivers of callbacks.  Each gets what has happened as JSON,
//
//   {"event": "after", "object": "app", "action": "created", "id": "evt_...",
//    "user": {"name": "ops", "role": "admin"}, "data": {...}}
//
// and may change objects itself, as the user "robot".

export default { sandbox, token, veto, fill, send_email, generate_log };

const ROBOT = 'Bearer a-secret-of-robot';


// a call of the management API.  The number of hops goes along, so that
// callbacks which call each other come to an end
function manage(r, method, path, doc, etag) {
    let headers = {
        'Authorization': ROBOT,
        'X-Api-Events-Hops': r.headersIn['X-Api-Events-Hops'] || '1'
    };

    if (etag) {
        headers['If-Match'] = etag;
    }

    return ngx.fetch(`${r.variables.management}/${path}`,
                     { method, headers,
                       body: doc ? JSON.stringify(doc) : undefined });
}


// answers, with a line in run/receivers.log
function say(r, status, text) {
    r.variables.said = text;
    r.return(status, text + '\n');
}


// an app is created: so is another one to try things in, and its token
async function sandbox(r) {
    let app = JSON.parse(r.requestText).data;
    let id = app.id + '-sandbox';
    let made = await manage(r, 'POST', 'apps',
                            { id, name: (app.name || app.id) + ' (sandbox)',
                              status: 'APPROVED', extraInfo: { of: app.id } });

    if (made.status !== 201) {
        say(r, 502, `sandbox: ${id}: ${made.status}`);
        return;
    }

    let token = await manage(r, 'POST', 'access-tokens',
                             { id, status: 'ACTIVE', app: { id } });

    say(r, token.status === 201 ? 200 : 502,
        `sandbox: ${id}: ${made.status} ${token.status}`);
}


// an app is created: a key for it, that ends by itself after an hour
async function token(r) {
    let app = JSON.parse(r.requestText).data;
    let made = await manage(r, 'POST', 'keys/create', {
        alias: 'temporary key of ' + app.id,
        org_id: 'acme',
        expires: Math.floor(Date.now() / 1000) + 3600,
        rate: 10,
        per: 60,
        access_rights: { orders: { api_id: 'orders' } }
    });

    if (made.status !== 200) {
        say(r, 502, `key of ${app.id}: ${made.status}`);
        return;
    }

    // it is shown this once: the place to send it to the developer
    let answer = await made.json();

    say(r, 200, `key of ${app.id}: ${answer.key}`);
}


// a plan is going to be changed: none may allow more than 100 requests a
// second, neither as a whole nor for one of its APIs
function veto(r) {
    let plan = JSON.parse(r.requestText).data;
    let rights = plan.access_rights || {};
    let limits = Object.keys(rights).map(api => rights[api].limit || {});
    let fast = limits.concat(plan).some(l => l.rate > 100 * (l.per || 1));

    say(r, fast ? 403 : 200,
        `plan ${plan.id}: ${fast ? 'more than' : 'up to'} 100 a second`);
}


// an app is created with an extra field empty: what it is by default.  Someone
// else may change the app meanwhile: then that is what is looked at
async function fill(r) {
    let id = JSON.parse(r.requestText).data.id;
    let path = 'apps/' + encodeURIComponent(id);

    for (let i = 0; i < 5; i++) {
        let got = await manage(r, 'GET', path);

        if (got.status !== 200) {
            say(r, 200, `fill: ${id}: ${got.status}`);
            return;
        }

        let app = await got.json();
        let extra = app.extraInfo || {};

        if (extra.language) {
            say(r, 200, `fill: ${id}: is ${extra.language}`);
            return;
        }

        extra.language = 'Java';
        app.extraInfo = extra;

        let put = await manage(r, 'PUT', path, app, got.headers.get('ETag'));

        if (put.status === 200) {
            say(r, 200, `fill: ${id}: becomes ${extra.language}`);
            return;
        }
    }

    say(r, 503, `fill: ${id}: changes too often`);
}


// where a mail service would be asked
function send_email(r) {
    let e = JSON.parse(r.requestText);

    say(r, 202, `mail to admin@example.com: ${e.object} ${e.data.id} was `
                + `${e.action} by ${e.user.name}`);
}


function generate_log(r) {
    let e = JSON.parse(r.requestText);

    say(r, 200, `log: ${e.timestamp} ${e.object} ${e.data.id} ${e.action}`);
}
