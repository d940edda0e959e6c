// An event handler as Tyk has them: it tells the log what it was told.

var tell = new TykJS.TykEventHandlers.NewEventHandler({});

tell.NewHandler(function (event, context) {
    log('tell ' + event.EventType + ' key: ' + (event.EventMetaData.Key || '') +
        ' api: ' + context.APIID + ' raised: ' + event.TimeStamp +
        ' told: ' + Date.now() + ' ' + event.ID);

    return;
});
