-- The same as Django 3.2 makes them in PostgreSQL.
CREATE TABLE public.auth_user (
    id integer NOT NULL,
    password character varying(128) NOT NULL,
    last_login timestamp with time zone,
    is_superuser boolean NOT NULL,
    username character varying(150) NOT NULL,
    first_name character varying(150) NOT NULL,
    last_name character varying(150) NOT NULL,
    email character varying(254) NOT NULL,
    is_staff boolean NOT NULL,
    is_active boolean NOT NULL,
    date_joined timestamp with time zone NOT NULL
);
CREATE SEQUENCE public.auth_user_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.auth_user_id_seq OWNED BY public.auth_user.id;
CREATE TABLE public.authtoken_token (
    key character varying(40) NOT NULL,
    created timestamp with time zone NOT NULL,
    user_id integer NOT NULL
);
CREATE TABLE public.chat_chatsession (
    id integer NOT NULL,
    create_date timestamp with time zone NOT NULL,
    update_date timestamp with time zone NOT NULL,
    uri character varying(200) NOT NULL,
    owner_id integer NOT NULL
);
CREATE SEQUENCE public.chat_chatsession_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.chat_chatsession_id_seq OWNED BY public.chat_chatsession.id;
CREATE TABLE public.chat_chatsessionmember (
    id integer NOT NULL,
    create_date timestamp with time zone NOT NULL,
    update_date timestamp with time zone NOT NULL,
    chat_session_id integer NOT NULL,
    user_id integer NOT NULL
);
CREATE SEQUENCE public.chat_chatsessionmember_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.chat_chatsessionmember_id_seq OWNED BY public.chat_chatsessionmember.id;
CREATE TABLE public.chat_chatsessionmessage (
    id integer NOT NULL,
    create_date timestamp with time zone NOT NULL,
    update_date timestamp with time zone NOT NULL,
    message text NOT NULL,
    chat_session_id integer NOT NULL,
    user_id integer NOT NULL
);
CREATE SEQUENCE public.chat_chatsessionmessage_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.chat_chatsessionmessage_id_seq OWNED BY public.chat_chatsessionmessage.id;
ALTER TABLE ONLY public.auth_user ALTER COLUMN id SET DEFAULT nextval('public.auth_user_id_seq'::regclass);
ALTER TABLE ONLY public.chat_chatsession ALTER COLUMN id SET DEFAULT nextval('public.chat_chatsession_id_seq'::regclass);
ALTER TABLE ONLY public.chat_chatsessionmember ALTER COLUMN id SET DEFAULT nextval('public.chat_chatsessionmember_id_seq'::regclass);
ALTER TABLE ONLY public.chat_chatsessionmessage ALTER COLUMN id SET DEFAULT nextval('public.chat_chatsessionmessage_id_seq'::regclass);
ALTER TABLE ONLY public.auth_user
    ADD CONSTRAINT auth_user_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.auth_user
    ADD CONSTRAINT auth_user_username_key UNIQUE (username);
ALTER TABLE ONLY public.authtoken_token
    ADD CONSTRAINT authtoken_token_pkey PRIMARY KEY (key);
ALTER TABLE ONLY public.authtoken_token
    ADD CONSTRAINT authtoken_token_user_id_key UNIQUE (user_id);
ALTER TABLE ONLY public.chat_chatsession
    ADD CONSTRAINT chat_chatsession_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.chat_chatsessionmember
    ADD CONSTRAINT chat_chatsessionmember_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.chat_chatsessionmessage
    ADD CONSTRAINT chat_chatsessionmessage_pkey PRIMARY KEY (id);
CREATE INDEX auth_user_username_6821ab7c_like ON public.auth_user USING btree (username varchar_pattern_ops);
CREATE INDEX authtoken_token_key_10f0b77e_like ON public.authtoken_token USING btree (key varchar_pattern_ops);
CREATE INDEX chat_chatsession_owner_id_aec267f8 ON public.chat_chatsession USING btree (owner_id);
CREATE INDEX chat_chatsessionmember_chat_session_id_ce4150e8 ON public.chat_chatsessionmember USING btree (chat_session_id);
CREATE INDEX chat_chatsessionmember_user_id_0c3aee51 ON public.chat_chatsessionmember USING btree (user_id);
CREATE INDEX chat_chatsessionmessage_chat_session_id_377a3b7c ON public.chat_chatsessionmessage USING btree (chat_session_id);
CREATE INDEX chat_chatsessionmessage_user_id_b5f88be1 ON public.chat_chatsessionmessage USING btree (user_id);
ALTER TABLE ONLY public.authtoken_token
    ADD CONSTRAINT authtoken_token_user_id_35299eff_fk_auth_user_id FOREIGN KEY (user_id) REFERENCES public.auth_user(id) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE ONLY public.chat_chatsession
    ADD CONSTRAINT chat_chatsession_owner_id_aec267f8_fk_auth_user_id FOREIGN KEY (owner_id) REFERENCES public.auth_user(id) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE ONLY public.chat_chatsessionmember
    ADD CONSTRAINT chat_chatsessionmemb_chat_session_id_ce4150e8_fk_chat_chat FOREIGN KEY (chat_session_id) REFERENCES public.chat_chatsession(id) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE ONLY public.chat_chatsessionmember
    ADD CONSTRAINT chat_chatsessionmember_user_id_0c3aee51_fk_auth_user_id FOREIGN KEY (user_id) REFERENCES public.auth_user(id) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE ONLY public.chat_chatsessionmessage
    ADD CONSTRAINT chat_chatsessionmess_chat_session_id_377a3b7c_fk_chat_chat FOREIGN KEY (chat_session_id) REFERENCES public.chat_chatsession(id) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE ONLY public.chat_chatsessionmessage
    ADD CONSTRAINT chat_chatsessionmessage_user_id_b5f88be1_fk_auth_user_id FOREIGN KEY (user_id) REFERENCES public.auth_user(id) DEFERRABLE INITIALLY DEFERRED;
