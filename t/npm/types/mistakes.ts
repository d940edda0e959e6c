/* each line below a "@ts-expect-error" is a mistake that tsc has to find */

import {
    EventContext, RequestContext, ResponseContext, OptionsContext,
    ErrorContext, OptionsHandler, ResponseHandler
} from '../../../njs/apievents';

export function request(ctx: RequestContext) {
    ctx.json = null;
    ctx.json = 'x';
    /* @ts-expect-error: text */
    ctx.json = {a: 1};
    /* @ts-expect-error: may be null */
    ctx.json.length;
    /* @ts-expect-error: of response */
    ctx.response.status(200);
    /* @ts-expect-error: of events */
    ctx.event;
    /* @ts-expect-error: never changes */
    ctx.req.verb = 'GET';
    /* @ts-expect-error: as it is called */
    ctx.req.resource;
    /* @ts-expect-error: a text, of SysUtility */
    ctx.SysUtility.restGet('http://a/').rows;
    ctx.SysUtilityV2.restGet('http://a/').rows;
}

export function response(ctx: ResponseContext<{n: number}>) {
    ctx.json.n = 1;
    ctx.response.status(299).header('X', 1).header('X', null);
    /* @ts-expect-error: a number */
    ctx.json.n = 'x';
    /* @ts-expect-error: a number */
    ctx.response.status('299');
    /* @ts-expect-error: of requests */
    ctx.headers['x'] = 'y';
    /* @ts-expect-error: a cookie has a value */
    new ctx.NewCookie('a');
    new ctx.NewCookie('a', 'b', '/', null, 1, null, 60, true).getMaxAge();
    new (ctx.Java.type('javax.ws.rs.core.NewCookie'))('a', 'b');
    /* @ts-expect-error: there is no other class */
    ctx.Java.type('java.util.HashMap');
    /* @ts-expect-error: no such method */
    ctx.response.send('x');
}

export function options(ctx: OptionsContext) {
    /* @ts-expect-error: there is none */
    ctx.json = 'x';
}

/* @ts-expect-error: a number */
export const preflight: OptionsHandler = () => ({HTTPStatusCode: '200'});

/* @ts-expect-error: an answer is expected */
export const nothing: OptionsHandler = () => undefined;

export function error(ctx: ErrorContext) {
    ctx.json.statusCode = 201;
    /* @ts-expect-error: a number */
    ctx.json.statusCode = 'x';
    /* @ts-expect-error: of response */
    ctx.response;
}

export function event(ctx: EventContext) {
    ctx.log('x');
    /* @ts-expect-error: of phases */
    ctx.log.error('x');
    /* @ts-expect-error: of phases */
    ctx.req;
    /* @ts-expect-error: of phases */
    ctx.json;
    /* @ts-expect-error: a promise */
    ctx.http.request({URL: 'http://a/'}).Code;
}

export const good: ResponseHandler = async (ctx) => {
    const reply = await ctx.http.request({URL: 'http://a/'});

    /* @ts-expect-error: may be undefined */
    reply.Code;
    ctx.json = [reply?.Code];
};
