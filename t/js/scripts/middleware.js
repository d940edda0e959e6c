var checkHeader = new TykJS.TykMiddleware.NewMiddleware({});

checkHeader.NewProcessRequest(function (request, session) {
    return checkHeader.ReturnData(request, {});
});
