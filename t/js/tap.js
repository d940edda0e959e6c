/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Test results as lines "ok - name" and "not ok - name" with what differs.
 * A test file hands its tests, functions (t) that may return a promise, to
 * serve().
 */

function serve(r, tests) {
    var lines = [];

    function add(good, name, notes) {
        lines.push((good ? 'ok - ' : 'not ok - ') + name);

        if (!good) {
            notes.forEach(function (note) {
                lines.push('# ' + note.replace(/\n/g, '\n# '));
            });
        }
    }

    function recorder(test) {
        return {
            is: function (got, want, name) {
                got = JSON.stringify(got);
                want = JSON.stringify(want);
                add(got === want, test + ': ' + name,
                    ['got  ' + got, 'want ' + want]);
            },

            like: function (got, pattern, name) {
                add(pattern.test(got), test + ': ' + name,
                    ['got  ' + got, 'like ' + pattern]);
            },

            ok: function (good, name) {
                add(!!good, test + ': ' + name, []);
            }
        };
    }

    Object.keys(tests).reduce(function (last, name) {
        return last.then(function () {
            return tests[name](recorder(name), r);

        }).catch(function (e) {
            add(false, name, ['threw ' + e + '\n' + e.stack]);
        });

    }, Promise.resolve()).then(function () {
        r.return(200, lines.join('\n') + '\n');
    });
}


export default {serve};
