/*
 * request: puts what is posted to some resources into a queue, and ends the
 * request; Queued.js makes an answer of that.  Whoever takes it out of the
 * queue says ByPassAsync=true.
 *
 * Live API Creator has properties of resources for which ones; here that is a
 * table in the script.
 */

var ASYNC = {PartnerOrder: true};

if (req.verb != 'POST' || !ASYNC[req.resourceName]
    || req.urlParameters.ByPassAsync == 'true')
{
    return;
}

SysUtility.restPost(req.localFullBaseURL + 'SystemQueue', null, null, {
    resource: req.resourceName,
    payload: JSON.parse(json)
});

throw 'Queued: ' + req.resourceName;
