/*
 * response: takes out the metadata, and adds the verb of the request.
 *
 * As the documentation of Live API Creator prints it.
 */

// Remove all @metadata sections from the response for a specific table/resource
// Note: This would make it difficult for the client to update the data, but this is only an example.
// This only deals with top-level resources. To remove all
// @metadata sections from a complex resource, use recursion.
// An attribute 'TheVerb' is added to each array object or the single object
// with the name of request verb - GET, PUT, POST, PATCH, DELETE
// get the name used for metadata (configurable by project).
// You CAN convert from the Java string value to a JavaScript string object here
var metadataName = "@metadata";
if (Array.isArray(json)) {
// If the response is an array of objects
for (var i = 0; i < json.length; i++) {
delete json[i][metadataName];
json[i].txsummary && delete json[i].txsummary[0][metadataName];
// You MUST convert to native JavaScript string
json[i].TheVerb = req.verb;
}
}
else {
// The response is a single object
delete json[metadataName];
json.txsummary && delete json.txsummary[0][metadataName];
json.TheVerb = req.verb;
}
