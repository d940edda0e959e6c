// module
export default async function (ctx) {
    let first = await ctx.http.request({Method: 'POST', Domain: 'http://a',
                                        Resource: '/1', Body: 'x'});
    ctx.log('got ' + first.Code);

    let second = await ctx.http.TykMakeHttpRequest(
        JSON.stringify({method: 'GET', url: 'http://b/' + first.Body}));

    ctx.log(JSON.parse(second).Body);
    ctx.raiseEvent('Done', {api: ctx.context.APIID, type: ctx.event.Type});
}
