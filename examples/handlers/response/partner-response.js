/*
 * response: tells a partner who posted an order how its account stands, in
 * place of what the database did.
 */

if (req.verb != 'POST' || req.resourceName != 'PartnerOrder') {
    return;
}

var order = JSON.parse(req.json);
var customers = SysUtility.getResource('Customers', {
    sysfilter: "equal(CompanyName:'" + order.Customer + "')",
    pagesize: 1
});

delete json.txsummary;
delete json.rulesummary;

if (customers.length === 0) {
    log.warning('no customer ' + order.Customer);
    return;
}

json.accountSummary = {
    balance: customers[0].Balance,
    creditLimit: customers[0].CreditLimit
};
