var usesUnderscore = new TykJS.TykEventHandlers.NewEventHandler({});
usesUnderscore.NewHandler(function (event, context) {
    _.each([1], function () {});
});
