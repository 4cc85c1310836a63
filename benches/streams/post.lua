-- The path comes on wrk's command line.
wrk.method = "POST"
wrk.body = string.sub(string.rep("abcdefghijklmnopqrstuvwxyz", 8), 1, 200)
