/*
 * options: pages of everywhere may read, nothing else.
 */

/**
 * @param {import('../../../njs/apievents').OptionsContext} ctx
 * @returns {import('../../../njs/apievents').Preflight}
 */
export default function (ctx) {
    ctx.log.info('asked for ' + ctx.req.resourceName);

    return {
        'Access-Control-Allow-Origin': '*',
        'Access-Control-Allow-Methods': ['GET', 'HEAD'],
        'HTTPStatusCode': 204
    };
}
