flow { id = "spoken", title = "Languages of its own" }

texts { en = { bye = "Bye" }, de = { bye = "Tschüss" } }
return t "bye"
