// as in Tyk's documentation of event handlers

var sessionHandler = new TykJS.TykEventHandlers.NewEventHandler({});

sessionHandler.NewHandler(function(event, context) {
    log("key expired at " + context.APIID + ": " + event.EventMetaData.Message);

    return
});
