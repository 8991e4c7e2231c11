package chat

import (
	"github.com/prometheus/client_golang/prometheus"
)

// accountMetrics count what happens to accounts.
type accountMetrics struct {
	signIns *prometheus.CounterVec
	revoked prometheus.Counter
	mails   *prometheus.CounterVec
}

// Results of a sign-in and of a mail: the values of the label "result".
const (
	resultOK      = "ok"
	resultRefused = "refused" // name or password wrong, or the account is disabled
	resultBusy    = "busy"    // too many at once
	resultFailed  = "failed"  // our fault
)

func newAccountMetrics(metrics prometheus.Registerer) *accountMetrics {
	m := &accountMetrics{
		signIns: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "chatire_sign_ins_total",
			Help: "Sign-ins by their result.",
		}, []string{"result"}),
		revoked: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "chatire_tokens_revoked_total",
			Help: "Tokens ended before their time.",
		}),
		mails: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "chatire_mails_total",
			Help: "Mails handed to the mail server, by the result.",
		}, []string{"result"}),
	}
	for _, result := range []string{resultOK, resultRefused, resultBusy, resultFailed} {
		m.signIns.WithLabelValues(result)
	}
	for _, result := range []string{resultOK, resultFailed} {
		m.mails.WithLabelValues(result)
	}
	metrics.MustRegister(m.signIns, m.revoked, m.mails)
	return m
}

// signInResult returns the label for how a sign-in ended.
func signInResult(err error) string {
	switch CodeOf(err) {
	case Invalid:
		return resultRefused
	case Unavailable:
		return resultBusy
	}
	if err != nil {
		return resultFailed
	}
	return resultOK
}
