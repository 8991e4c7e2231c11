package worker

import (
	"fmt"
	"log/slog"
)

// gwsLog is the websocket library's logger.
type gwsLog struct{ log *slog.Logger }

// Error implements gws.Logger.
func (l gwsLog) Error(v ...any) { l.log.Warn("websocket library", "error", fmt.Sprint(v...)) }
