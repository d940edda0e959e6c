// missing = new TykJS.TykEventHandlers.NewEventHandler({}) is not made
var present = 1;
