var commented = new TykJS.TykEventHandlers.NewEventHandler({});
commented.NewHandler(function (event, context) { log("fine") });
// no newline after this