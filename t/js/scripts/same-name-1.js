var shared = "one";
var sameHandler = new TykJS.TykEventHandlers.NewEventHandler({});
sameHandler.NewHandler(function (event, context) {
    TykJS.seen = (TykJS.seen || 0) + 1;
    shared += "!";
    log(shared + " " + TykJS.seen);
});
