/*
 * request: reads a partner's orders, keeps the items of one supplier and takes
 * out of them what that supplier shall not see.
 *
 * The documentation of Live API Creator prints the first half of it, with
 * (i) for [i] and an ellipsis for the second: corrected and completed here.
 */

if ("SalesReports" == req.resourceName) {
    //log.debug('***SalesReports Req Event - json: ' + json);
    var data = JSON.parse(json); // json from the request
    var theOrder = data[0];
    var keptItemNum = 0;
    var keptItems = [];
    log.debug("theOrder: " + JSON.stringify(theOrder));
    for (var i = 0; i < theOrder.Order_DetailsList.length; i++) {
        var eachItem = theOrder.Order_DetailsList[i];
        delete eachItem["@metadata"];
        if (eachItem.SupplierName == "Pavlova, Ltd.") {
            delete eachItem.OrderID;
            delete eachItem.ProductID;
            keptItems[keptItemNum++] = eachItem;
        }
    }
    theOrder.Order_DetailsList = keptItems;
    json = JSON.stringify(data);
}
