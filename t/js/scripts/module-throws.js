// module
async function later(ctx) {
    await ctx.http.request({url: 'http://a/'});
    throw new Error('late');
}

export default function (ctx) {
    return later(ctx);
}
