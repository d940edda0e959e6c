/*
 * response: adds what is read of another resource to the summary of a PUT.
 *
 * As the documentation of Live API Creator prints it.
 */

// for a PUT (perhaps to update the name) of one or more employees
// add the picture into the result
if ("PUT" == req.verb && "demo:employee" == req.resourceName) {
var txsummary = json.txsummary;
for (var i = 0, len = txsummary.length; i < len; i += 1) {
var meta = txsummary[i]["@metadata"];
if ("UPDATE" == meta.verb && "demo:employee" == meta.resource) {
var detail = { filter: '"employee_id" = ' + txsummary[i].employee_id };
var picInfo = SysUtility.getResource("the_employee_picture", detail);
if (picInfo && picInfo.length > 0) {
txsummary[i].the_picture = picInfo[0].picture;
}
}
}
}
