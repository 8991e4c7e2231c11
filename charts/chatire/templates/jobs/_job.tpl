{{/*
A Job that is no hook: it runs at the installation, beside everything else, and again whenever
what it does changes, since its name has a digest of that. Hooks after an installation would
not do: with --wait they run when the pods are ready, and those wait for what the Job does.
Takes (dict "root" . "name" NAME "spec" SPEC).
*/}}
{{- define "chatire.job" -}}
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ include "chatire.fullname" .root }}-{{ .name }}-{{ sha256sum .spec | trunc 8 }}
  labels: {{- include "chatire.labels" (list .root .name) | nindent 4 }}
spec: {{- .spec | nindent 2 }}
{{- end -}}
