/*
 * response: takes out what is not for clients, and says how long the rest is
 * good for.
 */

/** @param {import('../../../njs/apievents').ResponseContext} ctx */
export default function (ctx) {
    delete ctx.json.headers;
    ctx.response.cacheControl({maxAge: 60}).header('X-Verb', ctx.req.verb)
                .cookie(new ctx.NewCookie('seen', 'yes'));
}
