// undeclared: loose,count,i
loose = new TykJS.TykEventHandlers.NewEventHandler({});
count = 0;
loose.NewHandler(function (event, context) {
    for (i = 0; i < 3; i++) { count += i }
    log(count)
});
