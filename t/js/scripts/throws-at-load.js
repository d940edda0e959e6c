var loading = new TykJS.TykEventHandlers.NewEventHandler({});
var x = undefined;
x.y = 1;
