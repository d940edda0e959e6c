/*
 * error: says what was asked for.
 */

/** @param {import('../../../njs/apievents').ErrorContext} ctx */
export default function (ctx) {
    ctx.json = {success: false, code: ctx.json.errorCode,
                resource: ctx.req.resourceName};
}
