var sessionHandler = new TykJS.TykEventHandlers.NewEventHandler({});

sessionHandler.NewHandler(function(event, context) {
// Use the TykGetKeyData function to retrieve a session from the session store, use the context variable to give the APIID for the key.
var thisSession = JSON.parse(TykGetKeyData(event.EventMetaData.Key, context.APIID))
log("Expires: " + thisSession.expires)
});
