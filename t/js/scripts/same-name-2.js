var sameHandler = new TykJS.TykEventHandlers.NewEventHandler({});
sameHandler.NewHandler(function (event, context) {
    log(typeof shared + " " + typeof TykJS.seen);
});
