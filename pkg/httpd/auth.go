package httpd

// scheme is how tokens are shown: Authorization: Token <secret>.
const scheme = "Token"
