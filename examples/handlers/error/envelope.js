/*
 * error: an error in the form that clients of the API know.
 *
 * As the documentation of Live API Creator prints it.
 */

var temp = json;//JSON response object
json = {
success : false,
payload:{"req":JSON.parse(req.json)},
error: {
code: temp.errorCode,
statusCode: temp.statusCode,
errorMessage: temp.errorMessage,
message: temp.message
}
};
