/*
 * request: a POST to Widget has to bring an argument of the query.
 */

if (req.verb == 'POST' && req.resourceName == 'Widget'
    && req.urlParameters.specialParam != 'please')
{
    throw {statusCode: 403, errorCode: 4031,
           errorMessage: 'Widgets are made for those who ask nicely'};
}
