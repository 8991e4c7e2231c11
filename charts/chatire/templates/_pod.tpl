{{/*
What all pods have in common, so that each of them fits the restricted Pod Security
standard and has no token of the cluster.
*/}}

{{/* Fields of a pod. Takes (list . NAMES SECRET), with the secrets it needs: see chatire.secretSources. */}}
{{- define "chatire.pod" -}}
{{- $ := index . 0 -}}
serviceAccountName: {{ include "chatire.serviceAccount" $ }}
{{ include "chatire.podCommon" $ }}
{{- $sources := include "chatire.secretSources" . }}
{{- if or $sources $.Values.extraVolumes }}
volumes:
  {{- with $sources }}
  - name: secrets
    projected:
      defaultMode: 0440
      sources: {{- . | nindent 8 }}
  {{- end }}
  {{- with $.Values.extraVolumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
{{- end -}}

{{- define "chatire.podCommon" -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext: {{- toYaml .Values.podSecurityContext | nindent 2 }}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end -}}

{{/* Fields of a container. */}}
{{- define "chatire.container" -}}
image: {{ include "chatire.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext: {{- toYaml .Values.securityContext | nindent 2 }}
{{- end -}}

{{/* volumeMounts of a container. Takes (list . NAMES). */}}
{{- define "chatire.mounts" -}}
{{- $ := index . 0 -}}
{{- $mounts := list -}}
{{- if include "chatire.secretSources" (list $ (index . 1) "") -}}
{{- $mounts = append $mounts (dict "name" "secrets" "mountPath" "/run/secrets/chatire" "readOnly" true) -}}
{{- end -}}
{{- range $.Values.extraVolumeMounts -}}{{- $mounts = append $mounts . -}}{{- end -}}
{{- toYaml $mounts -}}
{{- end -}}

{{/* Fields of a pod that api and worker have. Takes (list . COMPONENT). */}}
{{- define "chatire.placement" -}}
{{- $ := index . 0 -}}
{{- $component := index . 1 -}}
{{- $given := index $.Values $component -}}
{{- with $given.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with $given.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $given.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $given.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
topologySpreadConstraints:
{{- if $given.topologySpreadConstraints }}
  {{- toYaml $given.topologySpreadConstraints | nindent 2 }}
{{- else }}
  # Where it is possible: with DoNotSchedule the drain of a zone would hang.
  {{- range $key := list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
  - topologyKey: {{ $key }}
    maxSkew: 1
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- include "chatire.selector" (list $ $component) | nindent 8 }}
    matchLabelKeys: [pod-template-hash]
  {{- end }}
{{- end }}
{{- end -}}

{{/* The variables of the servers. Takes (list . COMPONENT). */}}
{{- define "chatire.serverEnv" -}}
{{- $ := index . 0 -}}
{{- $given := index $.Values (index . 1) -}}
envFrom:
  - configMapRef:
      name: {{ include "chatire.fullname" $ }}
env:
  {{- with dig "limits" "memory" "" $given.resources }}
  - name: GOMEMLIMIT
    value: {{ include "chatire.goMemLimit" . | quote }}
  {{- end }}
  {{- include "chatire.secretEnv" (list $ (list "database" "bus" "secrets" "smtp")) | nindent 2 }}
{{- end -}}

{{/* Probes, all on the operators' port. A broker that is away makes a process degraded, and
neither dead nor unready. */}}
{{- define "chatire.probes" -}}
startupProbe:
  httpGet: {path: /livez, port: ops}
  periodSeconds: 1
  failureThreshold: 120
livenessProbe:
  httpGet: {path: /livez, port: ops}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 3
readinessProbe:
  httpGet: {path: /readyz, port: ops}
  periodSeconds: 5
  timeoutSeconds: 3
  failureThreshold: 2
{{- end -}}

{{/* initContainers, where pods migrate. Takes the root. */}}
{{- define "chatire.migrateFirst" -}}
{{- if eq .Values.migrations.mode "initContainer" }}
initContainers:
  - name: migrate
    command: [chatirectl, migrate, up]
    {{- include "chatire.container" . | nindent 4 }}
    env: {{- include "chatire.secretEnv" (list . (list "database")) | nindent 6 }}
    volumeMounts: {{- include "chatire.mounts" (list . (list "database" "bus" "secrets" "smtp")) | nindent 6 }}
    resources: {{- toYaml .Values.migrations.resources | nindent 6 }}
{{- end }}
{{- end -}}

{{/* The grace period of workers. Takes the root. */}}
{{- define "chatire.workerGrace" -}}
{{- $needed := add (int .Values.drain.preStopSeconds) (int .Values.drain.spreadSeconds) 15 -}}
{{- $given := .Values.drain.terminationGracePeriodSeconds -}}
{{- if and $given (lt (int $given) (int $needed)) -}}
{{- fail (printf "drain.terminationGracePeriodSeconds is %d, and a worker needs %d to send its connections elsewhere: preStopSeconds + spreadSeconds + 15. Leave it out, or make it longer." (int $given) $needed) -}}
{{- end -}}
{{- default $needed $given | int -}}
{{- end -}}
