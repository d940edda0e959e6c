/*
 * An event: raises one more, for keys that ran out of their quota.
 */

/** @param {import('../../../njs/apievents').EventContext} ctx */
export default function (ctx) {
    var key = ctx.event.EventMetaData.KeyID;

    ctx.log('quota: ' + key + ' at ' + ctx.context.APIID);
    ctx.raiseEvent('QuotaTold', {Key: key});
}
