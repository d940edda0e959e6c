/*
 * options: one resource is for pages of the API's own host, all others are
 * for everybody.
 */

var own = /^https?:\/\/[^\/]+/.exec(req.fullBaseURL)[0];

return {
    'Access-Control-Allow-Origin': req.resourceName == 'PurchaseOrder' ? own
                                                                       : '*',
    'Access-Control-Allow-Methods': 'GET,PUT,POST,DELETE',
    'Access-Control-Allow-Headers': 'authorization,content-type',
    'Access-Control-Max-Age': 600,
    'HTTPStatusCode': 200
};
