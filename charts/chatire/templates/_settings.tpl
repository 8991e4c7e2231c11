{{/*
The settings of a process. What is no secret is in the ConfigMap; secrets are files of one
projected volume, named by the variable with _FILE behind its name, or come by valueFrom.
*/}}

{{/* Variables of the ConfigMap. */}}
{{- define "chatire.config" -}}
{{- with .Values.config -}}
CHATIRE_PUBLIC_URL: {{ $.Values.publicURL | quote }}
CHATIRE_REGISTRATION: {{ .registration | quote }}
CHATIRE_JOIN_LINKS: {{ ternary "on" "off" .joinLinks | quote }}
CHATIRE_EDIT_WINDOW: {{ .editWindow | quote }}
CHATIRE_TERMS_URL: {{ .termsURL | quote }}
CHATIRE_CORS_ORIGINS: {{ join "," .corsOrigins | quote }}
CHATIRE_TRUSTED_PROXIES: {{ join "," .trustedProxies | quote }}
CHATIRE_RATE_LIMIT: {{ .rateLimit | quote }}
CHATIRE_LOG_LEVEL: {{ .logLevel | quote }}
CHATIRE_OTLP_URL: {{ .otlpURL | quote }}
CHATIRE_TRACE_RATIO: {{ .traceRatio | quote }}
{{- end }}
CHATIRE_BUS_SLOTS: {{ .Values.bus.slots | quote }}
CHATIRE_MAX_CONNECTIONS: {{ int .Values.worker.maxConnections | quote }}
CHATIRE_DRAIN_SPREAD: {{ printf "%ds" (int .Values.drain.spreadSeconds) | quote }}
{{- end -}}

{{/* Where a secret comes from, as YAML: source (file, env, none), and its Secret or valueFrom.
Takes (list . NAME), with NAME one of database, bus, secrets, smtp. */}}
{{- define "chatire.source" -}}
{{- $ := index . 0 -}}
{{- $name := index . 1 -}}
{{- $given := index $.Values $name -}}
{{- $full := include "chatire.fullname" $ -}}
{{- if $given.existingSecret -}}
{{- toYaml (dict "source" "file" "secret" $given.existingSecret "key" $given.existingSecretKey) -}}
{{- else if $given.valueFrom -}}
{{- toYaml (dict "source" "env" "valueFrom" $given.valueFrom) -}}
{{- else if $given.url -}}
{{- toYaml (dict "source" "file" "secret" $full "key" $name) -}}
{{- else if and (eq $name "database") $.Values.postgresql.enabled -}}
{{- toYaml (dict "source" "file" "secret" (printf "%s-postgresql-app" $full) "key" "uri") -}}
{{- else if and (eq $name "bus") $.Values.rabbitmq.enabled -}}
{{- toYaml (dict "source" "file" "secret" (printf "%s-rabbitmq-default-user" $full) "key" "connection_string") -}}
{{- else if and (eq $name "secrets") $given.generate -}}
{{- toYaml (dict "source" "file" "secret" (include "chatire.generated" $) "key" "secret") -}}
{{- else -}}
{{- toYaml (dict "source" "none") -}}
{{- end -}}
{{- end -}}

{{/* The Secret that the chart has made in the cluster. */}}
{{- define "chatire.generated" -}}
{{ include "chatire.fullname" . }}-generated
{{- end -}}

{{- define "chatire.variable" -}}
{{- get (dict "database" "CHATIRE_DATABASE_URL" "bus" "CHATIRE_BUS_URL" "secrets" "CHATIRE_SECRET" "smtp" "CHATIRE_SMTP_URL") . -}}
{{- end -}}

{{/* Variables for secrets. Takes (list . NAMES). */}}
{{- define "chatire.secretEnv" -}}
{{- $ := index . 0 -}}
{{- $env := list -}}
{{- range $name := index . 1 -}}
{{- $from := include "chatire.source" (list $ $name) | fromYaml -}}
{{- if eq $from.source "file" -}}
{{- $env = append $env (dict "name" (printf "%s_FILE" (include "chatire.variable" $name)) "value" (printf "/run/secrets/chatire/%s" $name)) -}}
{{- else if eq $from.source "env" -}}
{{- $env = append $env (dict "name" (include "chatire.variable" $name) "valueFrom" $from.valueFrom) -}}
{{- end -}}
{{- end -}}
{{- range $.Values.extraEnv -}}{{- $env = append $env . -}}{{- end -}}
{{- toYaml $env -}}
{{- end -}}

{{/* Sources of the projected volume with secrets; empty if there are none. Takes (list . NAMES SECRET),
with SECRET the name of the chart's own Secret where it is another one. */}}
{{- define "chatire.secretSources" -}}
{{- $ := index . 0 -}}
{{- $own := index . 2 -}}
{{- $sources := list -}}
{{- range $name := index . 1 -}}
{{- $from := include "chatire.source" (list $ $name) | fromYaml -}}
{{- if eq $from.source "file" -}}
{{- $secret := $from.secret -}}
{{- if eq $secret (include "chatire.fullname" $) -}}{{- $secret = $own -}}{{- end -}}
{{- $sources = append $sources (dict "secret" (dict "name" $secret "items" (list (dict "key" $from.key "path" $name)))) -}}
{{- end -}}
{{- end -}}
{{- if $sources -}}{{- toYaml $sources -}}{{- end -}}
{{- end -}}

{{/* What the chart's own Secret has; empty if there is nothing. Takes (list . NAMES). */}}
{{- define "chatire.ownSecret" -}}
{{- $ := index . 0 -}}
{{- $data := dict -}}
{{- range $name := index . 1 -}}
{{- $given := index $.Values $name -}}
{{- if and $given.url (not $given.existingSecret) (not $given.valueFrom) -}}
{{- $data = set $data $name (b64enc $given.url) -}}
{{- end -}}
{{- end -}}
{{- if $data -}}{{- toYaml $data -}}{{- end -}}
{{- end -}}

{{/* GOMEMLIMIT: 80 % of a memory limit such as 512Mi; empty without one. Takes the limit. */}}
{{- define "chatire.goMemLimit" -}}
{{- $limit := toString . -}}
{{- $units := dict "Ki" 1024.0 "Mi" 1048576.0 "Gi" 1073741824.0 "Ti" 1099511627776.0 "k" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "" 1.0 -}}
{{- $number := regexFind "^[0-9.]+" $limit -}}
{{- $unit := trimPrefix $number $limit -}}
{{- if not (hasKey $units $unit) -}}
{{- fail (printf "The memory limit %q is none that GOMEMLIMIT can be computed from: say it like 512Mi or 2Gi." $limit) -}}
{{- end -}}
{{- printf "%dMiB" (divf (mulf (float64 $number) (get $units $unit) 0.8) 1048576.0 | floor | int) -}}
{{- end -}}
