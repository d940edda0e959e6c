/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Runs of handlers that wait: run.js tells how.  A round begins with the
 * first handler, and a call that has no answer yet gives it up.  Each handler
 * has its own time, of which only waiting counts.
 */

import make_calls from './calls.js';
import make_clock from './clock.js';
import make_runs from './run.js';

export default function (state, inline) {
    var runs = make_runs(), calls = null, clock = null, waits = {};
    var RealDate = Date, RealMath = Math, r = state.r, deep;


    /* what run.js expects of a state, and of a run */

    function extend_state() {
        state.timeout = 0;
        state.waited = 0;
        state.since = 0;
        state.clock_offset = 0;
        state.calls = [];
        state.calls_made = 0;
        state.given = 0;
        state.reads = {};
        state.times = [];
        state.randoms = [];
    }


    function add(round) {
        if (round.call !== undefined) {
            return;
        }

        round.call = 0;
        round.time = 0;
        round.time_used = 0;
        round.random = 0;
        round.written = {};
        round.effects = round.effects || [];
        round.pending = null;
        round.failure = null;
        round.notify = null;

        enter(round);
    }


    /* a handler begins */

    function enter(round) {
        state.timeout = state.list[round.at - -2];
        state.waited = waits[round.at] || 0;
        round.script = state.list[round.at - -1];
    }


    /* nothing is left of what a round changed in the VM */

    function leave() {
        globalThis.Date = RealDate;
        globalThis.Math = RealMath;
    }


    function fail(round, error) {
        inline.end(round, null, rounds_of).fail(error);
    }


    function rounds_of() {
        return deep;
    }


    function threw(round, error) {
        if (round.stopped !== null) {
            stopped(round);

        } else {
            fail(round, error);
        }
    }


    /* a handler returned a promise, or caught the end of its round */

    function wait(round, result) {
        if (round.stopped !== null) {

            if (result && typeof result.then === 'function') {
                result.then(forget, forget);
            }

            stopped(round);
            return;
        }

        runs.settled(round, result).then(function (value) {
            if (round.stopped !== null || round.failure !== null) {
                stopped(round);
                return;
            }

            if (state.list[round.at - -3]) {
                round.ae.json = round.module.json;
            }

            round.returned = value;
            round.notify = null;
            runs.enter(r);
            inline.go(round, round.at - -4);

        }, function (error) {
            threw(round, error);
        });
    }


    function forget() {
    }


    function stopped(round) {
        var error;

        if (round.failure !== null) {
            error = round.stopped || new Error(round.failure);

            /* what still runs of it has no say any more */
            round.stopped = error;

            fail(round, error);
            return;
        }

        runs.start_waiting(state);
        ask_again(round);
    }


    function ask_again(round) {
        var is_late = false, timer = setTimeout(function () {
            is_late = true;
            fail(round, new Error('timeout'));

        }, Math.max(runs.time_left(state), 0));

        round.pending.then(function () {
            if (is_late) {
                return;
            }

            clearTimeout(timer);
            runs.stop_waiting(state);
            waits[round.at] = state.waited;
            runs.enter(r);
            inline.start(state);
        });
    }


    /* ms, for what goes on when the handlers are through */

    function time_left() {
        return Math.max(Math.ceil(runs.time_left(state)), 0);
    }


    /* at the end of a round that completes */

    function check(round) {
        if (round.call < state.calls.length) {
            throw new Error('the handlers do not repeat themselves: they made '
                            + state.calls.length + ' calls in their first run '
                            + 'and ' + round.call + ' now');
        }
    }


    function calls_of() {
        if (calls === null) {
            calls = make_calls(runs);
        }

        return calls;
    }


    function clock_of() {
        var now;

        if (clock === null) {
            clock = make_clock();
            now = Number(r.variables.apievents_now);
            state.clock_offset = now > 0 ? now - RealDate.now() : 0;
        }

        return clock;
    }


    deep = {
        runs: runs, calls: calls_of, clock: clock_of, add: add, enter: enter,
        leave: leave, threw: threw, wait: wait, check: check,
        time_left: time_left, place_of: runs.place_of
    };

    extend_state();

    return deep;
}
