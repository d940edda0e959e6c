/*
 * response: adds rows of another resource to each row.
 *
 * As the documentation of Live API Creator prints it.
 */

// for a GET to an employee, add any PURCHASEORDERS where the employee is a sales rep
if ("GET" == req.verb && "demo:employee" == req.resourceName) {
var ordersAsSalesRep = [];
for (var i = 0; i < json.length; i++ ) {
// want purchase orders for this employee as sales rep
// top thirty purchase orders by amount_total
var detail = {
filter: '"salesrep_id" = ' + json[i].employee_id ,
order: '"amount_total" desc',
pagesize: 10,
offset: 0
};
if(json[i].employee_id) {
ordersAsSalesRep = SysUtility.getResource("PurchaseOrders", detail);
json[i].ordersAsSalesRep = ordersAsSalesRep;
}
}
}
