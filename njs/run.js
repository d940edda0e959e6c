/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Runs of a script that must not see that njs cannot block.  A run that
 * reaches a call without an answer is given up, the call is made, and the
 * script runs again from copies of its inputs.  So a run keeps what it does
 * to the world to itself until it completes, and reads, as the clock of
 * clock.js, answer it as they did the first run.
 *
 * Nothing in this folder is async: async functions of njs 0.7.9 lose their
 * variables and end workers.  What is not used by each request is inside of
 * one function: the first level of a file runs whenever a VM is cloned.
 */

export default function () {
    var CALLS_MAX = 100;
    var TIMEOUT = 5000;

    /* "    at name (file:line:column)", where njs has no column */
    var STACK_LINE = /^ +at .*\(([^()]+?(:[0-9]+)?)(:[0-9]+)?\)$/;
    var NOT_OF_SCRIPT
        = /^native$|(^|\/)((apievents|inline)(_\w+)?|calls|clock|run)\.js(:|$)/;

    var RealDate = Date;
    var realSetTimeout = setTimeout;


    /* a request: {"event": {}, "context": {}, "now": ms, "timeout": ms} */

    function new_state(r) {
        var input = JSON.parse(r.requestText);

        return {
            r: r,
            event: input.event,
            context: input.context,
            timeout: input.timeout > 0 ? input.timeout : TIMEOUT,
            clock_offset: input.now > 0 ? input.now - RealDate.now() : 0,
            waited: 0, since: 0,
            calls: [], calls_made: 0, given: 0, reads: {},
            times: [], randoms: []
        };
    }


    function new_run(state) {
        return {
            state: state,
            call: 0, time: 0, time_used: 0, random: 0, written: {}, effects: [],
            stopped: null, pending: null, failure: null, notify: null
        };
    }


    /* a copy shares the strings, a second JSON.parse() would not */

    function copy_of(value) {
        var copy;

        if (value === null || typeof value !== 'object') {
            return value;
        }

        if (Array.isArray(value)) {
            return value.map(copy_of);
        }

        copy = {};

        Object.keys(value).forEach(function (key) {
            put(copy, key, copy_of(value[key]));
        });

        return copy;
    }


    /* "__proto__" and what else an object has already: a member like others */

    function put(object, key, value) {
        if (key in object) {
            Object.defineProperty(object, key, {
                value: value, enumerable: true, configurable: true,
                writable: true
            });

        } else {
            object[key] = value;
        }
    }


    /* ends of a run that the script may catch, but not undo */

    function stop(run, text) {
        run.stopped = new Error(text);

        if (run.notify !== null) {
            run.notify();
        }

        throw run.stopped;
    }


    function give_up(run, promise) {
        run.pending = promise;
        stop(run, 'the answer is not there yet');
    }


    function fail(run, text) {
        run.failure = text;
        stop(run, text);
    }


    function host_function(run, fn) {
        return function (a, b, c) {
            if (run.stopped !== null) {
                throw run.stopped;
            }

            return fn(run, a, b, c);
        };
    }


    /* time spent waiting, in ms: only that can be limited */

    function start_waiting(state) {
        state.since = RealDate.now();
    }


    function stop_waiting(state) {
        state.waited += RealDate.now() - state.since;
        state.since = 0;
    }


    function time_left(state) {
        var left = state.timeout - state.waited;

        return state.since ? left - (RealDate.now() - state.since) : left;
    }


    /* effects are variables that the module lets us set */

    function effect(run, name, value) {
        run.effects.push({name: 'apievents_' + name,
                          value: JSON.stringify(value)});
    }


    function complain(run, text) {
        effect(run, 'log', {level: 'error', raw: false, text: text,
                            script: run.script});
    }


    /* the text of an error that a variable returned, else null */

    function error_of(value) {
        return typeof value === 'string' && value.indexOf('error:') === 0
               ? value.slice(6).trim() : null;
    }


    function apply_effects(r, effects) {
        effects.forEach(function (e) {
            var error;

            r.variables[e.name] = e.value;
            error = error_of(r.variables[e.name]);

            if (error !== null) {
                throw new Error(error);
            }
        });
    }


    function log_lines(effects) {
        return effects.filter(function (e) {
            return e.name === 'apievents_log';
        });
    }


    function count_calls(run, n) {
        run.state.calls_made += n;

        if (run.state.calls_made > CALLS_MAX) {
            fail(run, 'more than ' + CALLS_MAX + ' calls');
        }

        if (time_left(run.state) <= 0) {
            fail(run, 'timeout');
        }
    }


    /*
     * A value that keeps its first answer.  get() may return a promise of it,
     * which must not be rejected.
     */

    function read(run, name, get) {
        var value, reads = run.state.reads;

        if (reads[name] !== undefined) {
            return reads[name];
        }

        value = get();

        if (typeof value.then === 'function') {
            count_calls(run, 1);

            give_up(run, value.then(function (answer) {
                reads[name] = answer;
            }));
        }

        reads[name] = value;

        return value;
    }


    /*
     * The next call of a run, known by its text; it counts as n calls.  make(),
     * called in the first run only, returns a promise that must not be
     * rejected.
     */

    function ask(run, text, n, make) {
        var record, calls = run.state.calls;

        if (run.call < calls.length) {
            record = calls[run.call++];

            if (record.text !== text) {
                fail(run, 'the script does not repeat itself: call ' + run.call
                          + ' was ' + record.text + ' in its first run and is '
                          + text + ' now');
            }

            return record;
        }

        count_calls(run, n);

        record = {text: text, done: false, answer: undefined};
        calls.push(record);
        run.call++;

        record.promise = make().then(function (answer) {
            record.answer = answer;
            record.done = true;
        });

        return record;
    }


    function answer_now(run, record) {
        if (!record.done) {
            give_up(run, record.promise);
        }

        return record.answer;
    }


    function answer_later(record) {
        return record.promise.then(function () {
            return record.answer;
        });
    }


    /* where in the handler's file an error was made: " at file:line" or "" */

    function place_of(error) {
        var i, match, lines;

        if (!error || typeof error.stack !== 'string') {
            return '';
        }

        lines = error.stack.split('\n');

        for (i = 0; i < lines.length; i++) {
            match = lines[i].match(STACK_LINE);

            if (match !== null && !NOT_OF_SCRIPT.test(match[1])) {
                return ' at ' + match[1].replace(/^.*\/scripts\/[^\/]+\//, '');
            }
        }

        return '';
    }


    function describe(error) {
        var text;

        try {
            text = error && typeof error === 'object'
                   && error.message === undefined
                   ? JSON.stringify(error) : String(error);

        } catch (e) {
            text = 'an object was thrown';
        }

        return text + place_of(error);
    }


    /*
     * A run has ended: true if there has to be another one.  Of a run that
     * failed the log lines are kept: they may tell why.
     */

    function finish(run, thrown) {
        var state = run.state, failure = run.failure;

        if (failure === null && run.pending !== null) {
            return true;
        }

        if (failure !== null) {
            failure += failure === 'timeout' ? '' : place_of(run.stopped);

        } else if (thrown !== null) {
            failure = describe(thrown.error);

        } else if (run.call < state.calls.length) {
            failure = 'the script does not repeat itself: it made '
                      + state.calls.length + ' calls in its first run and '
                      + run.call + ' now';
        }

        if (failure !== null) {
            apply_effects(state.r, log_lines(run.effects));
            throw new Error(failure);
        }

        apply_effects(state.r, run.effects);

        return false;
    }


    /* a handler returned a promise: wait until it settles, stops or is late */

    function settled(run, promise) {
        return new Promise(function (resolve, reject) {
            var timer, done = false;

            function end(settle, value) {
                done = true;
                stop_waiting(run.state);
                settle(value);
            }

            /* must not be called by the timer: it would be deleted twice */

            function end_early(settle) {
                return function (value) {
                    if (!done) {
                        clearTimeout(timer);
                        end(settle, value);
                    }
                };
            }

            start_waiting(run.state);

            timer = realSetTimeout(function () {
                run.failure = 'timeout';
                end(resolve);
            }, Math.max(time_left(run.state), 0));

            run.notify = end_early(resolve);
            promise.then(end_early(resolve), end_early(reject));
        });
    }


    function forget() {
    }


    /* from now on, until njs returns, the watchdog counts the seconds */

    function enter(r) {
        r.variables.apievents_inside = '1';
    }


    /* what a timer calls is the script's own as well */

    function watch_timers(r) {
        globalThis.setTimeout = function (fn) {
            var args = Array.prototype.slice.call(arguments);

            args[0] = function () {
                enter(r);
                fn.apply(undefined, arguments);
            };

            return realSetTimeout.apply(undefined, args);
        };
    }


    function repeat(state, start, resolve, reject) {
        var result, run = new_run(state);

        function again() {
            stop_waiting(state);

            if (time_left(state) > 0) {
                repeat(state, start, resolve, reject);

            } else {
                reject(new Error('timeout'));
            }
        }

        function ended(thrown) {
            try {
                if (finish(run, thrown)) {
                    start_waiting(state);
                    run.pending.then(again);

                } else {
                    resolve();
                }

            } catch (e) {
                reject(e);
            }
        }

        function returned() {
            ended(null);
        }

        function threw(error) {
            ended({error: error});
        }

        enter(state.r);

        try {
            result = start(run);

        } catch (e) {
            threw(e);
            return;
        }

        if (!result || typeof result.then !== 'function') {
            returned();

        } else if (run.stopped === null) {
            settled(run, result).then(returned, threw);

        } else {
            /* an async function of which nothing is wanted any more: njs ends
             * the request when nobody looks at a rejection */
            result.then(forget, forget);
            returned();
        }
    }


    /*
     * Calls start(run) until a run completes, then end(), if any.  The answer
     * is 200, or 500 and {"error": text}.
     */

    function serve(r, start, end) {
        function answer(status, text) {
            if (end !== undefined) {
                end();
            }

            r.return(status, text);
        }

        watch_timers(r);

        new Promise(function (resolve, reject) {
            repeat(new_state(r), start, resolve, reject);

        }).then(function () {
            answer(200, '');

        }, function (e) {
            answer(500, JSON.stringify({error: e.message}));
        });
    }


    return {serve, copy_of, host_function, effect, complain, error_of, fail,
            read, ask, answer_now, answer_later, time_left, start_waiting,
            stop_waiting, settled, apply_effects, log_lines, place_of, enter};
}
