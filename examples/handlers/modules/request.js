/*
 * request: refuses bodies without an order's number, and tells upstream of it
 * by a header.
 */

/** @param {import('../../../njs/apievents').RequestContext} ctx */
export default function (ctx) {
    if (ctx.req.verb !== 'POST' || ctx.json === null) {
        return;
    }

    var order = JSON.parse(ctx.json);

    if (typeof order.number !== 'number') {
        ctx.log.warning('an order without a number');
        throw {statusCode: 422, errorCode: 4221,
               errorMessage: 'an order has a number'};
    }

    ctx.headers['x-order'] = String(order.number);
}
