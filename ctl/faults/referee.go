package faults

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"strconv"

	"github.com/chatire/chatire/pkg/history"
)

// agree asks another checker about a history and compares the verdicts.
func agree(referee, folder string, o history.Options, ours history.Report) error {
	args := []string{
		referee, folder,
		"--tconv", strconv.FormatFloat(o.Converge.Seconds(), 'f', -1, 64),
		"--trevoke", strconv.FormatFloat(o.Revoke.Seconds(), 'f', -1, 64),
		"--min-acked", strconv.Itoa(o.MinAccepted),
		"--min-faults", strconv.Itoa(o.MinFaults),
	}
	if o.Partial {
		args = append(args, "--partial", "1")
	}
	if o.NewEpoch {
		args = append(args, "--new-epoch", "1")
	}
	out, err := exec.Command("python3", args...).Output()
	var theirs struct {
		Verdict    history.Verdict
		Acked      int
		Deliveries int
	}
	if json.Unmarshal(out, &theirs) != nil {
		return fmt.Errorf("the referee gave no verdict: %w", err)
	}
	if theirs.Verdict != ours.Verdict || theirs.Acked != ours.Accepted || theirs.Deliveries != ours.Deliveries {
		return fmt.Errorf("the referee says %+v, we say %s with %d accepted and %d deliveries",
			theirs, ours.Verdict, ours.Accepted, ours.Deliveries)
	}
	return nil
}
