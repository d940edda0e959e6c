/*
 * request: takes a member out of the body, or out of each item of it.
 *
 * As the documentation of Live API Creator prints it.
 */

// Remove extraneous data that the client sends but that is not needed.
if ( ! json) {
// Only requests with a JSON payload are needed.
return;
}
var data = JSON.parse(json);
if (Array.isArray(data)) {
for (var i = 0; i < data.length; i++) {
delete data[i].uselessData;
}
}
else {
delete data.uselessData;
}
// Important: Serialize the data back to a string if you want to change it
json = JSON.stringify(data);
