var throwing = new TykJS.TykEventHandlers.NewEventHandler({});

function deeper() {
    var unused = 1;
    return noSuchName.field;
}

throwing.NewHandler(function (event, context) {
    log("before");
    deeper();
});
