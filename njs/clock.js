/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * Date and Math of a run: the n-th question for the time, or for a random
 * number, is answered as in the first run.  What a stopped run asks is not
 * kept.
 */

export default function () {
    var RealDate = Date;
    var RealMath = Math;


    function clock(run) {
        var entry, now, times = run.state.times;

        if (run.stopped !== null) {
            return RealDate.now() + run.state.clock_offset;
        }

        if (run.time < times.length) {
            entry = times[run.time];

            if (++run.time_used === entry.count) {
                run.time++;
                run.time_used = 0;
            }

            return entry.at;
        }

        /* equal answers share an entry: a script may poll the clock */

        now = RealDate.now() + run.state.clock_offset;
        entry = times.length ? times[times.length - 1] : null;

        if (entry !== null && entry.at === now) {
            entry.count++;

        } else {
            times.push({at: now, count: 1});
            run.time++;
        }

        return now;
    }


    function run_date(run) {
        function Shim(y, month, d, h, min, s, ms) {
            var n = arguments.length;

            if (!(this instanceof Shim)) {
                return new RealDate(clock(run)).toString();
            }

            if (n === 0) {
                return new RealDate(clock(run));
            }

            if (n === 1) {
                return new RealDate(y);
            }

            return new RealDate(y, month, n > 2 ? d : 1, n > 3 ? h : 0,
                                n > 4 ? min : 0, n > 5 ? s : 0, n > 6 ? ms : 0);
        }

        Shim.prototype = RealDate.prototype;
        Object.setPrototypeOf(Shim, RealDate);

        Shim.now = function () {
            return clock(run);
        };

        return Shim;
    }


    function run_math(run) {
        var math = Object.create(RealMath), randoms = run.state.randoms;

        math.random = function () {
            if (run.stopped !== null) {
                return RealMath.random();
            }

            if (run.random === randoms.length) {
                randoms.push(RealMath.random());
            }

            return randoms[run.random++];
        };

        return math;
    }


    return {run_date, run_math};
}
