/*
 * request: tells the upstream by "@metadata" to find the parents of a
 * partner's order by what they are called, and to make or update the order.
 */

if (req.resourceName != 'PartnerOrder' || !json) {
    return;
}

var data = JSON.parse(json);

(Array.isArray(data) ? data : [data]).forEach(tag_order);
json = JSON.stringify(data);


function tag_order(order) {
    order['@metadata'] = {action: 'MERGE_INSERT', key: ['OrderNumber']};

    if (order.Customer) {
        order.Customer['@metadata'] = {action: 'LOOKUP', key: 'CompanyName'};
    }

    (order.Items || []).forEach(function (item) {
        if (item.Product) {
            item.Product['@metadata'] = {action: 'LOOKUP',
                                         key: 'ProductName'};
        }
    });
}
