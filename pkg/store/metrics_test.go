package store_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/chatire/chatire/pkg/chat"
	"github.com/chatire/chatire/pkg/store"
	"github.com/chatire/chatire/pkg/store/storetest"
)

func TestMetrics(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url chat.Secret) {
		registry := prometheus.NewRegistry()
		s, err := store.Open(t.Context(), url, store.Options{Metrics: registry})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()

		t.Run("all exist before anything happened", func(t *testing.T) {
			for name, labels := range map[string]int{
				"chatire_db_connections":                2,
				"chatire_db_pool_waits_total":           1,
				"chatire_db_pool_wait_seconds_total":    1,
				"chatire_db_query_duration_seconds":     10,
				"chatire_db_errors_total":               4,
				"chatire_append_batch_size":             1,
				"chatire_db_schema_version":             1,
				"chatire_db_transactions_retried_total": 1,
			} {
				if n, err := testutil.GatherAndCount(registry, name); err != nil || n < labels {
					t.Errorf("%s has %d series, %v", name, n, err)
				}
			}
		})
		t.Run("are as Prometheus wants them", func(t *testing.T) {
			problems, err := testutil.GatherAndLint(registry)
			if err != nil || len(problems) > 0 {
				t.Errorf("%v, %v", problems, err)
			}
		})
		t.Run("get no label from what users do", func(t *testing.T) {
			before := labels(t, registry)
			ada := signUp(t, s, "ada")
			room := openSession(t, s, ada)
			post(t, s, room, ada, "hi", nil)
			_, _ = s.UserByName(t.Context(), "nobody")
			_, _ = s.CreateUser(t.Context(), chat.User{Username: "ADA"})
			if after := labels(t, registry); !slices.Equal(before, after) {
				t.Errorf("before %v\nafter %v", before, after)
			}
		})
		t.Run("are not taken twice", func(t *testing.T) {
			if second, err := store.Open(t.Context(), url, store.Options{Metrics: registry}); err == nil {
				second.Close()
				t.Error("two stores share their metrics")
			}
		})
	})
}

// labels returns every series by its name and labels, without values.
func labels(t *testing.T, registry *prometheus.Registry) []string {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			series := []string{family.GetName()}
			for _, label := range metric.GetLabel() {
				series = append(series, label.GetName()+"="+label.GetValue())
			}
			all = append(all, strings.Join(series, " "))
		}
	}
	return all
}
